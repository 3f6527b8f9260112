"""Schedules of the learning rate, by horizon."""
