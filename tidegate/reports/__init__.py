"""What a run was worth, honestly: its figures, its doubts, its page. Reads results, changes none, asks no network."""
