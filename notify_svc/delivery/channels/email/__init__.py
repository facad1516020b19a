"""Mail: what every provider sends (`mime`), and one file for each provider."""
