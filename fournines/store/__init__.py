"""What fournines remembers: one database, entered through `fournines.store.books` alone."""
