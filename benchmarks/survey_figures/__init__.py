"""What a full survey costs, part by part."""
