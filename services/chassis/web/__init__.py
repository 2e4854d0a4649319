"""What every page of ours stands on: templates, assets served by us, security headers, forms that can't be forged."""
