/* In place of the theme's script of this name, 1.5 MB of icons: its style sheet draws the same from a font. */
