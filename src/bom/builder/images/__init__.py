"""What every builder of images shares: what goes in, which image came out, what is inside it."""
