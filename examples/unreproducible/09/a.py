words = {"red", "green", "blue", "white", "black", "grey"}
print("WORDS =", words)
