//! Bytes cut into pieces as the bytes themselves decide, so that an input is what a server or a client
//! would send, and nothing else. Each crate whose targets read streams takes this file in.

/// The bytes in pieces of 1 to 64, of which most are short.
pub(crate) fn cut(bytes: &[u8]) -> Vec<&[u8]> {
    let mut state = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut rest = bytes;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let most = if state & 0x300 == 0 { 64 } else { 8 };
        let length = usize::try_from(state >> 32).unwrap_or(0) % most + 1;
        let (piece, behind) = rest.split_at(length.min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

/// Ways to hand the bytes over: at once, in pieces and, when they are few, one by one.
pub(crate) fn ways(bytes: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut ways = vec![vec![bytes], cut(bytes)];
    if bytes.len() <= 2_048 {
        ways.push(bytes.chunks(1).collect());
    }
    ways
}
