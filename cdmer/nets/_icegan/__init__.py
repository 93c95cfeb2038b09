"""ICE-GAN: generator, discriminator, their training and their files."""
