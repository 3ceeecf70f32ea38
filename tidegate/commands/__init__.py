"""The commands of bot.py that need nothing from the root: they read the database and talk to a running bot."""
