//! The rules, as data: what to look for, what confirms it, how much it weighs, who described it.
//!
//! A rule has triggers, rare in clean text, that one automaton finds in one pass over the bytes, and a confirmation that is
//! read only around a trigger. Weights combine as independent evidence does (noisy-or): two hints of 30 make 51.
//!
//! Sources: OWASP Top 10 for LLM Applications 2025 (LLM01 prompt injection, LLM02 disclosure, LLM07 system prompt leakage);
//! MITRE ATLAS AML.T0051 (prompt injection), AML.T0054 (jailbreak), AML.T0057 (data leakage); Unicode UTS #39 and UTR #36
//! (security), Boucher & Anderson 2021 (Trojan Source, bidirectional controls).

use serde::Serialize;

/// Why a text is thought hostile. A code for headers and facts: it quotes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Tells the model to drop what it was told before.
    InstructionOverride,
    /// Gives the model another identity, without its limits.
    RoleChange,
    /// Asks for the system prompt or hidden instructions.
    PromptExtraction,
    /// Markup that makes a client send data elsewhere when it is shown.
    ExfiltrationMarkup,
    /// Active HTML: scripts, event handlers, frames.
    ActiveMarkup,
    /// Characters of the Unicode tag block: text that models read and people don't see.
    HiddenTags,
    /// Bidirectional controls: what is shown is not what is read.
    BidiControls,
    /// Runs of invisible characters: word splitting, or a hidden channel.
    InvisibleRun,
    /// Runs of variation selectors: bytes smuggled behind one visible character.
    VariationSmuggling,
    /// A request to decode something and act on it.
    EncodedPayload,
    /// Delimiters of a chat template or of tool calls.
    TemplateInjection,
    /// More triggers than a closer look is taken at: nobody writes like that.
    TriggerFlood,
}

impl Reason {
    /// All reasons, in the order of their codes.
    pub const ALL: [Self; 12] = [
        Self::InstructionOverride,
        Self::RoleChange,
        Self::PromptExtraction,
        Self::ExfiltrationMarkup,
        Self::ActiveMarkup,
        Self::HiddenTags,
        Self::BidiControls,
        Self::InvisibleRun,
        Self::VariationSmuggling,
        Self::EncodedPayload,
        Self::TemplateInjection,
        Self::TriggerFlood,
    ];

    /// The code on the wire.
    pub fn code(self) -> &'static str {
        match self {
            Self::InstructionOverride => "instruction_override",
            Self::RoleChange => "role_change",
            Self::PromptExtraction => "prompt_extraction",
            Self::ExfiltrationMarkup => "exfiltration_markup",
            Self::ActiveMarkup => "active_markup",
            Self::HiddenTags => "hidden_tags",
            Self::BidiControls => "bidi_controls",
            Self::InvisibleRun => "invisible_run",
            Self::VariationSmuggling => "variation_smuggling",
            Self::EncodedPayload => "encoded_payload",
            Self::TemplateInjection => "template_injection",
            Self::TriggerFlood => "trigger_flood",
        }
    }
}

/// One rule over words and markup.
pub(super) struct Rule {
    pub reason: Reason,
    /// Percent.
    pub weight: u8,
    /// Any of these, ASCII case apart, calls for a closer look. Rare ones, for speed: a noun rather than a verb.
    pub triggers: &'static [&'static str],
    /// How many bytes before the trigger the confirmation reads too; 0: it begins at the trigger.
    pub before_bytes: usize,
    /// What must then stand there ([`WINDOW_BYTES`] from the trigger on), ASCII and Unicode case apart; empty: the trigger says
    /// enough. `{told}` stands for [`TOLD`].
    pub confirm: &'static str,
}

/// How far behind the trigger's begin a confirmation reads.
pub(super) const WINDOW_BYTES: usize = 256;

/// So many confirmations are read for an event, and one more for so many bytes of text: a text of nothing but triggers must
/// not hold the stream up. Markdown with a link in every line stays below.
pub(super) const CONFIRMATIONS: usize = 1_000;
pub(super) const BYTES_PER_CONFIRMATION: usize = 32;
/// Percent: what stands behind the flood stays unread.
pub(super) const FLOOD_WEIGHT: u8 = 80;

/// Words for what a model was told before.
pub(super) const TOLD: &str = r"(?:instruct|prompt|direction|directive|guideline|command|training|programming|rule|message|constraint|restriction|polic(?:y|ies)|safeguard|everything|anything|text|said|task|content|protocol)";

#[rustfmt::skip]
pub(super) const RULES: [Rule; 24] = [
    // Direct injection (OWASP LLM01:2025; ATLAS AML.T0051.000).
    Rule {
        reason: Reason::InstructionOverride, weight: 80, before_bytes: 0,
        triggers: &["ignor", "disregard", "forget", "overrid", "overrul", "discard", "neglect"],
        confirm: r"^\w+\s+(?:[\w']+\s+){0,4}?(?:previous|prior|above|earlier|preceding|foregoing|initial|original|existing|former|past|system|developer|safety)(?:ly)?\s+(?:[\w']+\s+){0,3}?{told}",
    },
    Rule {
        reason: Reason::InstructionOverride, weight: 75, before_bytes: 0,
        triggers: &["ignor", "disregard", "forget", "overrid"],
        confirm: r"^\w+\s+(?:(?:all|any|every|each|of|about|the|these|those|your)\s+){0,4}(?:instructions?|prompts?|rules|directives?|guidelines|commands?)\s+(?:(?:that|which|you(?:'ve)?|i(?:'ve)?|we|have|were|was|been|got|received|gave|given|told)\s+){0,4}?(?:above|before|earlier|previously|so\s+far|until\s+now|given)\b",
    },
    Rule {
        reason: Reason::InstructionOverride, weight: 70, before_bytes: 0,
        triggers: &["ignor", "disregard", "forget", "overrid"],
        confirm: r"^\w+\s+(?:(?:all|any|every|each|of|about)\s+){0,3}your\s+(?:[\w']+\s+){0,2}?{told}",
    },
    Rule {
        reason: Reason::InstructionOverride, weight: 70, before_bytes: 0,
        triggers: &["ignor", "forget", "disregard"],
        confirm: r"^\w+\s+(?:about\s+)?(?:(?:everything|anything|all|whatever|what)\s+(?:that\s+)?(?:(?:(?:i|we|they)(?:'ve|\s+have)?\s+(?:said|told|taught)|you(?:'ve|\s+have|\s+were|\s+had)?\s+(?:been\s+)?(?:told|taught|given|instructed|learn))|(?:above|before|prior)\b|(?:came|comes|was|is|has\s+been)\s+(?:\w+\s+)?(?:before|above))|(?:the|all|any|all\s+of\s+the)\s+(?:text\s+|content\s+)?above\b)",
    },
    Rule {
        reason: Reason::InstructionOverride, weight: 60, before_bytes: 0,
        triggers: &["new instructions", "updated instructions", "real instructions", "your instructions are", "your new task", "your real task"],
        confirm: r"^(?:(?:new|updated|real)\s+instructions\s*(?:are\b|follow\b|[:>])|your\s+instructions\s+are\s+now\b|your\s+(?:new|real)\s+task\s+is)",
    },
    Rule {
        reason: Reason::InstructionOverride, weight: 60, before_bytes: 0,
        triggers: &["not follow", "n't follow", "stop following", "not obey", "n't obey", "stop obeying"],
        confirm: r"^[\w']+\s+\w+\s+(?:(?:the|your|any|all|of|these|those)\s+){1,3}(?:\w+\s+){0,1}?(?:previous|prior|original|system|developer|above|earlier|existing|safety)\s+(?:\w+\s+)?{told}",
    },
    // The same in other languages.
    Rule {
        reason: Reason::InstructionOverride, weight: 75, before_bytes: 0,
        triggers: &["ignor", "vergiss", "oublie", "olvida", "negeer", "zignoruj", "игнорируй", "Игнорируй", "忽略", "無視", "忽视"],
        confirm: r"^[^.\n]{0,60}?(?:vorher|bisher|obige|précédent|precedente|anterior|vorige|poprzedni|предыдущ|之前|以前|上面|以上|前の|これまで)[^.\n]{0,40}?(?:gesagt|dit|dicho|detto|anweisung|instru|vorgabe|befehl|consigne|indica|polece|инструкц|указани|指令|指示|说明|提示|規則)",
    },
    Rule {
        reason: Reason::InstructionOverride, weight: 75, before_bytes: 0,
        triggers: &["ignor", "oublie", "olvida", "忽略", "無視"],
        confirm: r"^[^.\n]{0,40}?(?:instructions?|consignes?|instrucciones|istruzioni|instruç(?:ões|ão)|指令|指示|说明|提示)\s*(?:\w+\s+)?(?:précédentes?|anteriores|precedenti|ci-dessus|previas|を|并)",
    },
    // Jailbreak by role (ATLAS AML.T0054).
    Rule {
        reason: Reason::RoleChange, weight: 70, before_bytes: 0,
        triggers: &["you are now", "you're now", "from now on", "pretend ", "act as ", "acting as ", "roleplay as", "role-play as", "simulate "],
        confirm: r"^[^.\n]{0,70}?\b(?:(?-i:DAN|STAN|DUDE|AIM)\b|do\s+anything\s+now|jailbroken|unrestricted\s+(?:ai|assistant|model|bot|mode)|unfiltered\s+(?:ai|assistant|model|bot)|uncensored\s+(?:ai|assistant|model|bot)|evil\s+(?:ai|assistant|bot|twin)|developer\s+mode|god\s*mode|(?:no|without|free\s+(?:of|from)|not\s+bound\s+by)\s+(?:any\s+|all\s+|your\s+|ethical\s+|moral\s+|content\s+|safety\s+)*(?:restriction|limit|filter|rules|guideline|ethic|moral|censor|safety|polic))",
    },
    Rule {
        reason: Reason::RoleChange, weight: 60, before_bytes: 0,
        triggers: &["developer mode", "jailbreak mode", "god mode", "dan mode", "unrestricted mode", "do anything now", "jailbreak"],
        confirm: r"^(?:(?:developer|jailbreak|god|dan|unrestricted)\s+mode\s*(?:is\s+)?(?:now\s+)?(?:enabled|activated|engaged|unlocked|output|v\d)|do\s+anything\s+now\b|jailbreak(?:ed)?\s+(?:yourself|prompt:|the\s+(?:model|ai)\b))",
    },
    Rule {
        reason: Reason::RoleChange, weight: 60, before_bytes: 0,
        triggers: &["bypass", "circumvent", "disable ", "turn off", "ignor", "without any"],
        confirm: r"^\w+\s+(?:off\s+)?(?:all\s+|any\s+|of\s+)*(?:your|openai'?s?|the\s+(?:ai|model|assistant)'?s?|its\s+own)\s+(?:\w+\s+){0,3}?(?:filter|safety|restriction|guideline|safeguard|limitation|censor|moderation|alignment|guardrail|polic|ethic)",
    },
    Rule {
        reason: Reason::RoleChange, weight: 60, before_bytes: 80,
        triggers: &["unrestricted ", "uncensored ", "unfiltered ", "no longer bound", "not bound by", "ethical guidelines", "moral limits", "jailbreak mode", "dan mode", "no restrictions", "any restrictions"],
        confirm: r"\b(?:you(?:'re|\s+are|\s+will|\s+have|\s+must)|act(?:ing)?\s+as|pretend|become|behave)\b[^.\n]{0,64}?(?:un(?:restricted|censored|filtered)\s+(?:ai|assistant|model|bot|version|chatbot)|no\s+longer\s+bound\s+(?:by|to)|not\s+bound\s+by\s+(?:any|openai|the)|(?:no|without(?:\s+any)?)\s+(?:ethical\s+guidelines|moral\s+limits|restrictions)|(?:jailbreak|dan)\s+mode)",
    },
    // System prompt leakage (OWASP LLM07:2025).
    Rule {
        reason: Reason::PromptExtraction, weight: 60, before_bytes: 72,
        triggers: &["system prompt", "system message", "initial prompt", "initial instruction", "hidden instruction", "hidden prompt", "secret instruction", "developer message", "original instruction", "your instructions", "your prompt", "system instruction"],
        confirm: r"\b(?:(?:reveal|repeat|print|show|output|display|leak|disclose|tell|what\s+(?:is|are|was|were)|what's|give|write|dump|recite|echo|expose|share)\s+(?:(?:me|us|out|back|verbatim|exactly|word|for|all|of|the|this|that|full|entire|complete|exact|text|content|contents|everything|in|up|about)\s+){0,6}?your\s+(?:(?:\w+\s+)?(?:system|initial|hidden|secret|developer|original)\s+(?:prompt|message|instruction)|prompt\b|instructions\b)|(?:reveal|repeat|print|show|output|display|leak|disclose|tell|dump|recite|expose)\s+(?:(?:me|us|out|back|verbatim|exactly|word|for|all|of|the|this|that|full|entire|complete|exact|text|content|contents|everything|in|up|about)\s+){0,6}?(?:system|initial|hidden|secret|developer|original)\s+(?:system\s+)?(?:prompt|message|instruction))",
    },
    Rule {
        reason: Reason::PromptExtraction, weight: 60, before_bytes: 72,
        triggers: &["verbatim", "word for word", "starting with", "beginning with", "code block", "codeblock"],
        confirm: r"\b(?:repeat|print|output|copy|write\s+out|recite|return)\s+(?:\w+\s+){0,5}?(?:above|before\s+this|prior\s+to\s+this|so\s+far)\b",
    },
    Rule {
        reason: Reason::PromptExtraction, weight: 45, before_bytes: 72,
        triggers: &["text above", "words above", "everything above", "you were given", "above text", "you were told"],
        confirm: r"\b(?:(?:repeat|print|output|recite|copy)\s+(?:back\s+)?(?:(?:all|of|the|exact|me|us)\s+){0,4}(?:text|words|everything)\s+above|(?:show|reveal|print|tell|repeat|what)\b[^.\n]{0,32}?\b(?:prompt|instructions?|rules)\s+(?:that\s+)?you\s+were\s+(?:given|told))",
    },
    // Data carried off by what a client renders (OWASP LLM02:2025; ATLAS AML.T0057).
    Rule {
        reason: Reason::ExfiltrationMarkup, weight: 70, before_bytes: 0,
        triggers: &["!["],
        confirm: r"^!\[[^\]\n]{0,80}\]\(\s*<?https?://[^\s)>]{1,120}[?&#][\w.%-]{1,32}=(?:[^\s)>]{0,80}?(?:\{|\[|%7B|<|\$)|[A-Za-z0-9+/_=%-]{32,}|[^\s)>]{0,40}?(?:secret|passw|prompt|conversation|history|chat))",
    },
    Rule {
        reason: Reason::ExfiltrationMarkup, weight: 55, before_bytes: 0,
        triggers: &["]("],
        confirm: r"^\]\(\s*<?https?://[^\s)>]{1,120}[?&#][\w.%-]{1,32}=(?:[^\s)>]{0,80}?(?:\{\{|\[(?-i:[A-Z]{3}|insert|data)|%7B%7B|<(?:insert|data|your))|[A-Za-z0-9+/_=%-]{64,})",
    },
    Rule {
        reason: Reason::ExfiltrationMarkup, weight: 60, before_bytes: 160,
        triggers: &["http://", "https://", "webhook"],
        confirm: r"\b(?:append|send|exfiltrate|forward|encode|embed|upload|post|leak|transmit)\b[^.\n]{0,80}?\b(?:(?:the|this|our|entire|full|whole)\s+(?:conversation|chat)|(?:chat|conversation)\s+history|system\s+prompt|user'?s?\s+(?:data|messages?|input|secrets?|e-?mails?)|api[\s_-]?keys?|passwords?|credentials|previous\s+messages|everything\s+above)\b[^\n]{0,80}?(?:https?://|webhook)",
    },
    Rule {
        reason: Reason::ActiveMarkup, weight: 45, before_bytes: 0,
        triggers: &["<script", "<iframe", "javascript:", "<img", "<svg", "<object", "<embed", "<meta http-equiv"],
        confirm: r#"^(?:<script[^>]{0,160}(?:>[^<]{0,80}(?:document\.cookie|fetch\(|XMLHttpRequest|eval\(|atob\())|<iframe[^>]{0,160}(?:src|srcdoc)\s*=|javascript:\s*(?:alert|eval|fetch|document|window)\b|<(?:img|svg|object|embed)\b[^>]{0,160}\bon(?:error|load)\s*=|<img\b[^>]{0,80}src\s*=\s*["']?https?://[^\s"'>]{1,120}[?&][\w.%-]+=(?:[^\s"'>]{0,80}(?:\{|\[|\$)|[A-Za-z0-9+/_=%-]{32,})|<meta http-equiv\s*=\s*["']?refresh)"#,
    },
    // Something encoded that is to be acted on.
    Rule {
        reason: Reason::EncodedPayload, weight: 50, before_bytes: 0,
        triggers: &["decode", "base64", "rot13"],
        confirm: r"^[^\n]{0,80}?\b(?:(?:and|then)\s+(?:then\s+)?(?:follow|execute|obey|comply|act\s+on|carry\s+out|do\s+(?:what|as|exactly))|(?:follow|execute|obey)\s+(?:it|them|its|the\s+(?:decoded|resulting|hidden|encoded)))\b",
    },
    Rule {
        reason: Reason::EncodedPayload, weight: 30, before_bytes: 0,
        triggers: &["decode", "base64"],
        confirm: r"^[^\n]{0,60}?[A-Za-z0-9+/]{40,}={0,2}",
    },
    // Delimiters of chat templates (ChatML, Llama 2 and 3, Mistral, Gemma, Phi) and of tool calls: LLM01:2025, AML.T0051.
    Rule {
        reason: Reason::TemplateInjection, weight: 75, before_bytes: 0,
        triggers: &["<|im_start|>", "<|im_end|>", "<|system|>", "<|assistant|>", "<|user|>", "<|endoftext|>", "<|eot_id|>", "<|start_header_id|>", "<|begin_of_text|>", "<<sys>>", "<</sys>>", "<start_of_turn>", "<end_of_turn>", "<|endofprompt|>", "<|channel|>", "[/inst]", "<tool_call>", "<function_calls>"],
        confirm: "",
    },
    Rule {
        reason: Reason::TemplateInjection, weight: 60, before_bytes: 0,
        triggers: &["[inst]", "[system]", "{\"role\"", "[system message]"],
        confirm: r#"^(?:\[inst\]|\[system(?:\s+message)?\]\s*(?:\(#\w|:)|\{"role"\s*:\s*"(?:system|developer)")"#,
    },
    Rule {
        reason: Reason::TemplateInjection, weight: 45, before_bytes: 0,
        triggers: &["\nsystem:", "### system", "\n\nhuman:", "\n\nassistant:", "end of system prompt", "end of user input", "begin new prompt"],
        confirm: "",
    },
];
