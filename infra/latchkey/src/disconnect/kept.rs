//! What connections were before they were ended, until their tokens are given back.

/// So many are kept, and the others counted.
pub(super) struct Kept<C> {
    at_most: usize,
    /// Those that are kept.
    pub(super) connections: Vec<C>,
    /// How many are not.
    pub(super) beyond: usize,
}

impl<C> Kept<C> {
    pub(super) fn at_most(at_most: usize) -> Self {
        Self { at_most, connections: Vec::new(), beyond: 0 }
    }
}

impl<C> Extend<C> for Kept<C> {
    fn extend<I: IntoIterator<Item = C>>(&mut self, ended: I) {
        for connection in ended {
            if self.connections.len() < self.at_most {
                self.connections.push(connection);
            } else {
                self.beyond += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_kept_than_there_is_room_for_and_the_others_are_counted() {
        let mut kept = Kept::at_most(3);
        kept.extend([1, 2]);
        assert_eq!((&kept.connections[..], kept.beyond), (&[1, 2][..], 0));
        kept.extend([3, 4, 5]);
        assert_eq!((&kept.connections[..], kept.beyond), (&[1, 2, 3][..], 2));
    }
}
