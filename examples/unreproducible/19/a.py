for word in {"red", "green", "blue", "white", "black", "grey", "pink", "gold", "lilac"}:
    print(word)
