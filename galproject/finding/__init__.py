"""The box in the head of each page, which finds things by what people call them."""
