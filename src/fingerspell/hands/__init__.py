"""Rendered hands: a posed, lit and photographed hand for each sign, with everything about it known.

The way of a photo: a signer (`signers`) and a sign (`letters`) give joint angles, which are settled into a pose that a
hand can hold (`solve`); the skeleton (`skeleton`) gives the 21 landmarks; soft tissue (`surface`) is wrapped around it
and traced (`tracer`); skin (`skin`), light (`lighting`), a background (`backgrounds`) and a camera (`sensor`) make a
picture (`scene`). Many make a folder of photos (`synth`), or clips (`perform`, `clips`). Nothing here knows of
training: it imports `core` only.
"""
