"""Everything that touches Redis or opens a client: the slot protocol, its layout, connections and offsets."""
