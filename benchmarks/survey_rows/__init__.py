"""The rows of a full survey, made up by the server itself from the numbers of a row."""
