"""The browsers and telephones that people want to be told on, until they are gone."""
