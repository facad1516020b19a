"""Pushes: to apps through Google's FCM, to browsers through whichever push service theirs names."""
