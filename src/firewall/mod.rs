//! How hostile a text is: [`Judge::judge`] gives a [`Verdict`] with reasons. It blocks nothing: the action is policy's.
