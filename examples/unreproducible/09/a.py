words = {"red", "green", "blue", "white", "black", "grey", "pink", "gold", "lilac", "teal"}
print("WORDS =", words)
