"""How the admin writes dates, by language (`FORMAT_MODULE_PATH`)."""
