"""Small helpers that every package of fastws may import."""
