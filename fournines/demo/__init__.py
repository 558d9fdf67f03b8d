"""Three processes that meet over real HTTP, and the story they tell."""
