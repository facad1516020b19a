"""The old platform's Handlebars templates, as drafts in Liquid, with a word about every line that changed its meaning."""
