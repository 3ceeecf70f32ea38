"""Where prices come from: seeded, scripted, replayed."""
