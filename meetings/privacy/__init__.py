"""What is known of a person, how it is handed out and how it goes away, and how old meetings go as a whole.

`people` finds a person in the meetings she was in, `export` says what is known of her, `erasing` takes it away and
leaves counts and times, `purging` removes meetings. Other apps take part through `meetings.extensions`.
"""
