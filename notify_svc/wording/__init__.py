"""The words: templates with immutable versions, and the one renderer that preview and sending share."""
