"""What tests are made of: files, pixels, rows and people, each made up in one place."""
