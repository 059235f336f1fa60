"""World 3, the disk. `interface` says what may be asked; `sqlite` answers it with one writer; `transaction` is the table of contents of a write."""
