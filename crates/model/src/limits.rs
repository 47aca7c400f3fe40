//! What an input may cost at most.

/// Bounds on one input; reading ends with [`SyntaxError`](crate::SyntaxError) where one is passed, and nothing is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of text.
    pub bytes: usize,
    /// Elements within elements.
    pub depth: usize,
    /// Elements in all.
    pub elements: usize,
}

impl Default for Limits {
    /// 256 MiB, 128 levels, 16 million elements.
    fn default() -> Self {
        Limits { bytes: 256 << 20, depth: 128, elements: 16 << 20 }
    }
}
