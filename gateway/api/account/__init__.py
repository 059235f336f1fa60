"""What an account asks about itself, the limits that its calls meet, and the description of the call."""
