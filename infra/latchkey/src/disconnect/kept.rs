//! What connections were before they were ended, until their tokens are given back.

use broker::connection::Connection;

/// So many are kept, and the others counted.
pub(super) struct Kept {
    at_most: usize,
    /// Those that are kept.
    pub(super) connections: Vec<Connection>,
    /// How many are not.
    pub(super) beyond: usize,
}

impl Kept {
    pub(super) fn at_most(at_most: usize) -> Self {
        Self { at_most, connections: Vec::new(), beyond: 0 }
    }
}

impl Extend<Connection> for Kept {
    fn extend<I: IntoIterator<Item = Connection>>(&mut self, ended: I) {
        for connection in ended {
            if self.connections.len() < self.at_most {
                self.connections.push(connection);
            } else {
                self.beyond += 1;
            }
        }
    }
}
