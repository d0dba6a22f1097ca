"""Everything about the printed tag: what it says, how its symbol looks, and the sheet it is cut from."""
