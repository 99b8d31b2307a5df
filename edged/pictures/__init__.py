"""Pictures from files and from memory: their headers, the size limit, and decoding."""
