"""The course as files: bilingual sources, the editions built from them, messages, the lab."""
