"""Routes and rows that the kit's tests call and count."""
