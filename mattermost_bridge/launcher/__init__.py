"""What `Durar up` is made of: the plan of processes, each child with its restarts, one prefixed log, the embedded
broker, and what is looked at before anything starts. It knows no records; the command `up` joins it to them."""
