"""The command line: thin verbs over the engine, one file each. Nothing heavy is imported before a verb runs."""
