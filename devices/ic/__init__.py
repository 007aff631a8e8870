"""Chips, one a file: what their data sheets say and nothing about the boards they sit on."""
