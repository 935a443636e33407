print("shardcl")
