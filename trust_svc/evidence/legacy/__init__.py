"""The scores of the old platform, brought over as evidence: export → rows → what a person's score was → facts."""
