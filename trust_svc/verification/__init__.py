"""People and organisers who ask to be verified, the documents that they show, and what staff make of them."""
