"""Research: the bot in virtual time, against history and against made-up markets."""
