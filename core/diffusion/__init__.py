"""The model that paints: one protocol, a pixel DDPM and Stable Diffusion with LoRA behind it."""
