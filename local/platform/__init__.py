"""A local training platform: speaks the public fine-tuning API's shapes and really trains a small policy.

server, api             the HTTP server and its routes
request_models, errors  what a request may say, and the API's errors
job_runner              takes a job from validation to its end, across restarts
job_request, job_store  the request that created a job; the job on disk, with its events
file_store              uploads with their training rows, and result files
numpy_policy            the engine: what trains, and answers
"""
