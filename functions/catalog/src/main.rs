//! Wires the catalog to AWS and runs it.

fn main() {}
