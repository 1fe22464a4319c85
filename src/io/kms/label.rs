//! What a root is called inside a keeper that others use, too: whose it is stands in the name.
//!
//! `lethe-` ‖ deployment (32 hex) ‖ `-` ‖ 16 hex that are drawn once

use crate::keys::{DeploymentId, RootId, Secret};

/// A new root's name.
pub(super) fn label(deployment: &DeploymentId, drawn: &Secret) -> String {
    let own: String = drawn.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("lethe-{deployment}-{own}")
}

/// Whose root a name says it is; `None` where it is not one of Lethe's.
pub(super) fn owner(label: &str) -> Option<DeploymentId> {
    let (deployment, own) = label.strip_prefix("lethe-")?.split_once('-')?;
    if own.len() != 16 || deployment.len() != 32 || !own.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(deployment, 16).ok().map(|bits| DeploymentId(bits.to_be_bytes()))
}

/// The root's id.
pub(super) fn root_id(provider: &str, name: &str) -> Option<RootId> {
    RootId::new(&format!("{provider}:{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_others_are_nobodys_roots_and_ours_say_whose_they_are() {
        let deployment = DeploymentId([0xa7; 16]);
        let label = label(&deployment, &zeroize::Zeroizing::new([5; 32]));
        assert_eq!(owner(&label), Some(deployment));
        assert_eq!(root_id("vault", &label).unwrap().name(), label);
        for other in ["orders", "lethe-", "lethe-a7-05", &label[..label.len() - 1], &format!("{label}0"), &label[1..]] {
            assert_eq!(owner(other), None, "{other}");
        }
    }
}
