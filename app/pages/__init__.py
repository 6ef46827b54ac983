"""The pages: layout and events. What they show is made by `app.views`."""
