"""What a chapter draws and plays: charts of records, images, spectrograms, sliders, and the models that they show."""
