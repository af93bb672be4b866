"""The form's page, put together and rendered."""
