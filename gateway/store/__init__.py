"""World 3, the disk: `interface` says what may be asked, `sqlite` answers it, `writer` and `transaction` show how."""
